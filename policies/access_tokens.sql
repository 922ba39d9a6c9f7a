-- policies/access_tokens.sql: a tenant's own tokens, which may do less than a session.
-- A user sees and revokes them; only the service makes one, and knows by its hash whose a token is.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql and the migrations.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('mako.access_tokens');

alter table mako.access_tokens enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on mako.access_tokens from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select (id, user_id, name, scopes, expires_at, last_used_at, created_at), delete on mako.access_tokens to authenticated;
-- Not authenticated: a hash of one's own choosing would be a token that the service never made.
grant select (id, user_id, name, scopes, expires_at, last_used_at, created_at),
  insert (user_id, name, scopes, token_hash, expires_at) on mako.access_tokens to mako_sealer;
-- For mako.use_access_token().
grant select (id, user_id, scopes, token_hash, expires_at, last_used_at), update (token_hash, last_used_at)
  on mako.access_tokens to mako_definer;

drop policy if exists tenant_reads_own on mako.access_tokens;
create policy tenant_reads_own on mako.access_tokens for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_removes_own on mako.access_tokens;
create policy tenant_removes_own on mako.access_tokens for delete to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists sealer_reads_own on mako.access_tokens;
create policy sealer_reads_own on mako.access_tokens for select to mako_sealer
  using (user_id = (select mako.current_user_id()));
drop policy if exists sealer_adds_own on mako.access_tokens;
create policy sealer_adds_own on mako.access_tokens for insert to mako_sealer
  with check (user_id = (select mako.current_user_id()));
drop policy if exists definer_finds on mako.access_tokens;
create policy definer_finds on mako.access_tokens for select to mako_definer
  using (true);
drop policy if exists definer_notes_uses on mako.access_tokens;
create policy definer_notes_uses on mako.access_tokens for update to mako_definer
  using (true) with check (true); -- whoever holds the token has used it
drop policy if exists tenant_floor on mako.access_tokens;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on mako.access_tokens as restrictive for all to public
  using (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer')
  with check (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer');
drop policy if exists trusted_clients_only on mako.access_tokens;
-- An app that the user let in doesn't get at what outlives its own token.
create policy trusted_clients_only on mako.access_tokens as restrictive for all to public
  using ((select mako.client_is_trusted()))
  with check ((select mako.client_is_trusted()));
drop policy if exists tokens_make_no_tokens on mako.access_tokens;
-- One that may do less would make itself another that may do more, or lives longer.
create policy tokens_make_no_tokens on mako.access_tokens as restrictive for insert to public
  with check ((select nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'access_token') is null);

grant create on schema mako to mako_definer; -- for the moment that an owner needs it

-- Whose is the token with one of these hashes (the first under the current key), and what may it do? Notes the use, and
-- keeps the hash under the current key, so that a retired one can be dropped. A standby only looks.
create or replace function mako.use_access_token(p_hashes text[])
returns table (id text, user_id text, scopes text[])
language plpgsql volatile security definer
set search_path = ''
as $$
begin
  return query select t.id, t.user_id, t.scopes from mako.access_tokens t
    where t.token_hash = any (p_hashes) and t.expires_at > now();
  if found and current_setting('transaction_read_only') = 'off' then
    -- Who has locked the row, to revoke it perhaps, isn't waited for: every request with the token would be.
    update mako.access_tokens t set last_used_at = now(), token_hash = p_hashes[1]
    from (select u.id from mako.access_tokens u
          where u.token_hash = any (p_hashes)
            and (u.last_used_at is null or u.last_used_at < now() - interval '1 minute' or u.token_hash <> p_hashes[1])
          for no key update skip locked) due
    where t.id = due.id;
  end if;
end $$;
comment on function mako.use_access_token(text[]) is 'Whose the access token with one of these hashes is, and its scopes';
alter function mako.use_access_token(text[]) owner to mako_definer;
revoke all on function mako.use_access_token(text[]) from public, anon, authenticated, service_role;
grant execute on function mako.use_access_token(text[]) to mako_router;

revoke create on schema mako from mako_definer;
commit;
