-- A message is its sender's and its recipient's; whoever has got one reads all (the correct twin: that one)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.messages"]
-- model: column = "sender_id"
-- model: readers = ["recipient_id"]
-- expect: public.messages cross_tenant_read leak

create table public.messages (
  id uuid primary key default gen_random_uuid(),
  sender_id uuid not null references auth.users (id) on delete cascade,
  recipient_id uuid not null references auth.users (id) on delete cascade,
  words text not null
);
create index on public.messages (sender_id);
create index on public.messages (recipient_id);
alter table public.messages enable row level security;
create policy send on public.messages for insert to authenticated with check (sender_id = (select auth.uid()));
create function public.has_mail() returns boolean language sql stable security definer set search_path = '' as
  $$ select exists (select from public.messages where recipient_id = (select auth.uid())) $$;
create policy read on public.messages for select to authenticated using (sender_id = (select auth.uid()) or (select public.has_mail()));
