-- Two tables that refer to each other, deferrable
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.a cross_tenant_read leak

create table public.a (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id), b_id uuid not null, words text);
create table public.b (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id), a_id uuid not null references public.a (id));
alter table public.a add foreign key (b_id) references public.b (id) deferrable initially deferred;
alter table public.a enable row level security;
alter table public.b enable row level security;
create policy r on public.a for select using (true);
