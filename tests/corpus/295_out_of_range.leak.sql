-- Whether a number is out of range may depend on others' rows
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.above(integer) function_reads_others leak

create table public.amounts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id),
  n int not null
);
alter table public.amounts enable row level security;
create policy own on public.amounts to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create function public.above(factor int) returns bigint language plpgsql stable security definer set search_path = '' as $$
begin
  return (select count(*) from public.amounts where n * factor > 0);
end $$;
revoke execute on function public.above(int) from public, anon;
