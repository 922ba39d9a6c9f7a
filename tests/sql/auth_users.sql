-- As much of Supabase Auth as an adoption looks at: a user whom only auth.users knows
create schema auth;
create table auth.users (id uuid primary key, email text);
insert into auth.users values ('9057a000-0000-4000-8000-000000000009', 'ghost@example.com');
