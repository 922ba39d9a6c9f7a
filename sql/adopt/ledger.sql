-- What was there before an adoption: written before its first change, so that it can go on after a kill, prove at its
-- end that no row was lost, and be taken back.
create table if not exists mako.adoption (
  relation text primary key,
  columns text[] not null,
  rows bigint,
  checksum numeric,
  rollback text not null,
  began_at timestamptz not null default now(),
  ended_at timestamptz
);
comment on table mako.adoption is 'The live tables as `mako adopt` found them';
comment on column mako.adoption.relation is 'Table of the schema public';
comment on column mako.adoption.columns is 'Its columns then, which the checksum is over';
comment on column mako.adoption.rows is 'Its rows then';
comment on column mako.adoption.checksum is 'Sum of their digests, whatever their order';
comment on column mako.adoption.rollback is 'SQL that restores policies, rights, constraints and defaults of then';
comment on column mako.adoption.began_at is 'When that was';
comment on column mako.adoption.ended_at is 'When the rows were found again; null while an adoption is under way';

create table if not exists mako.adoption_rows (
  relation text not null,
  id text not null,
  version xid not null,
  digest bigint not null,
  completed boolean not null default false,
  primary key (relation, id)
);
comment on table mako.adoption_rows is 'Every row as an adoption under way found it; emptied at its end';
comment on column mako.adoption_rows.relation is 'Table of the schema public';
comment on column mako.adoption_rows.id is 'The row''s id';
comment on column mako.adoption_rows.version is 'Its xmin: another one now means that somebody has written the row since';
comment on column mako.adoption_rows.digest is 'hashtextextended of the row''s text';
comment on column mako.adoption_rows.completed is 'Whether the adoption itself wrote the row, to give it a value that it lacked';

alter table mako.adoption enable row level security;
alter table mako.adoption_rows enable row level security;
revoke all on mako.adoption, mako.adoption_rows from public, anon, authenticated, service_role;
