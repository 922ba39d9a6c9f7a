-- Apps that users sign in to with their account here (OAuth clients) act as them; which of them may use their keys as well?

create table if not exists mako.third_party_clients (
  client_id text primary key check (length(client_id) between 1 and 255),
  added_at timestamptz not null default now()
);
comment on table mako.third_party_clients is 'Apps that are trusted with the keys and addresses of the users who let them in';
comment on column mako.third_party_clients.client_id is 'Claim client_id of their tokens';
comment on column mako.third_party_clients.added_at is 'Since when';
