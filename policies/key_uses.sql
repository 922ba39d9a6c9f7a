-- policies/key_uses.sql: who has used which of a tenant's keys, and for what.
-- A user reads their own; only the service adds one, as the user whose key it sent. Nobody changes or removes any.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql and the migrations.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('mako.key_uses');

alter table mako.key_uses enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on mako.key_uses from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select on mako.key_uses to authenticated;
-- Not authenticated: a use of one's own making would be one that never was.
grant insert (user_id, created_at, service, method, host, path, status, duration_ms, bytes_out, bytes_in,
  client_id, access_token_id, service_token) on mako.key_uses to mako_sealer;
-- For mako.forget_key_uses().
grant select (id, user_id, created_at), delete on mako.key_uses to mako_definer;

drop policy if exists tenant_reads_own on mako.key_uses;
create policy tenant_reads_own on mako.key_uses for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists sealer_adds_own on mako.key_uses;
create policy sealer_adds_own on mako.key_uses for insert to mako_sealer
  with check (user_id = (select mako.current_user_id()));
drop policy if exists definer_finds on mako.key_uses;
create policy definer_finds on mako.key_uses for select to mako_definer
  using (true);
drop policy if exists definer_forgets on mako.key_uses;
create policy definer_forgets on mako.key_uses for delete to mako_definer
  using (true); -- age alone decides
drop policy if exists tenant_floor on mako.key_uses;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on mako.key_uses as restrictive for all to public
  using (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer')
  with check (user_id = (select mako.current_user_id()));
drop policy if exists trusted_clients_only on mako.key_uses;
-- What an app that the user let in doesn't get at, it doesn't read about either.
create policy trusted_clients_only on mako.key_uses as restrictive for all to public
  using ((select mako.client_is_trusted()))
  with check ((select mako.client_is_trusted()));

grant create on schema mako to mako_definer; -- for the moment that an owner needs it

-- An index by age would serve tenants' lists as well as their own, and badly: from one tenant to the next, whose oldest rows
-- are at the end of their own index.
create or replace function mako.forget_key_uses(p_age interval, p_limit int) returns int
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  tenant text := '';
  removed int;
  forgotten int := 0;
begin
  loop
    select k.user_id into tenant from mako.key_uses k where k.user_id > tenant order by k.user_id limit 1;
    exit when not found;
    delete from mako.key_uses k
    using (
      select u.created_at, u.id from mako.key_uses u
      where u.user_id = tenant and u.created_at < now() - p_age
      order by u.created_at, u.id
      limit p_limit - forgotten
    ) old
    where k.user_id = tenant and k.created_at = old.created_at and k.id = old.id;
    get diagnostics removed = row_count;
    forgotten := forgotten + removed;
    exit when forgotten >= p_limit;
  end loop;
  return forgotten;
end $$;
comment on function mako.forget_key_uses(interval, int) is 'Removes uses of keys that are older than this';
alter function mako.forget_key_uses(interval, int) owner to mako_definer;
revoke all on function mako.forget_key_uses(interval, int) from public, anon, authenticated, service_role;
grant execute on function mako.forget_key_uses(interval, int) to mako_router;

revoke create on schema mako from mako_definer;
commit;
