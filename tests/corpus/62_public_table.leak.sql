-- A price list is everybody's, the orders aren't
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.plans"]
-- model: public = true
-- model: reason = "price list"
-- expect: public.notes cross_tenant_read leak

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
create table public.plans (id int primary key, name text);
insert into public.plans values (1, 'free');
alter table public.notes add plan_id int references public.plans (id);
