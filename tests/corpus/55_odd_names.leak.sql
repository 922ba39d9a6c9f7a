-- Names that must be quoted
-- model: schemas = ["Odd Schema"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."Odd Schema.No'tes"]
-- model: column = "Who Is It"
-- expect: Odd Schema.No'tes cross_tenant_read leak

create schema "Odd Schema";
grant usage on schema "Odd Schema" to authenticated;
create table "Odd Schema"."No'tes" ("I""d" int primary key generated always as identity, "Who Is It" uuid not null references auth.users (id), "select" text);
grant all on "Odd Schema"."No'tes" to authenticated;
alter table "Odd Schema"."No'tes" enable row level security;
create policy "a ""b" on "Odd Schema"."No'tes" to authenticated using (true);
