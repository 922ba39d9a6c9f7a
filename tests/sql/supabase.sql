-- A cluster as Supabase's init scripts leave it: run as the bootstrap superuser in a fresh cluster, once.
-- `postgres` administers without being a superuser; the API roles exist.
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
create role editor login password 'editor' createrole createdb replication bypassrls;
grant anon, authenticated, service_role to editor;
grant pg_monitor, pg_read_all_data, pg_signal_backend to editor;
do $$
begin
  -- 20250605172253_grant_with_admin_to_postgres_16_and_above.sql
  if current_setting('server_version_num')::int >= 160000 then
    grant anon, authenticated, service_role, authenticator to editor with admin option;
  end if;
end $$;
