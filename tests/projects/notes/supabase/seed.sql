insert into auth.users (id, email) values ('5eed0000-0000-4000-8000-000000000001', 'seed@example.com');
insert into public.notes (user_id, body) values ('5eed0000-0000-4000-8000-000000000001', 'a; b'), ('5eed0000-0000-4000-8000-000000000001', 'c');
insert into public.no_longer_there values (1);
