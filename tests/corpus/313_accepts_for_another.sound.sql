-- Whoever asks to follow says that it is accepted (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.follows"]
-- model: column = "follower_id"
-- model: readers = ["followee_id"]

create table public.follows (follower_id uuid not null references auth.users (id) on delete cascade, followee_id uuid not null references auth.users (id) on delete cascade, status text not null default 'pending' check (status in ('pending', 'accepted')), primary key (follower_id, followee_id));
create table public.moments (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id), caption text not null default '');
create index on public.moments (user_id);
create index on public.follows (followee_id);
alter table public.follows enable row level security;
alter table public.moments enable row level security;
create policy s on public.follows for select to authenticated using ((select auth.uid()) in (follower_id, followee_id));
create policy i on public.follows for insert to authenticated with check (follower_id = (select auth.uid()) and status = 'pending');
create policy u on public.follows for update to authenticated using (followee_id = (select auth.uid())) with check (followee_id = (select auth.uid()));
revoke update on public.follows from anon, authenticated;
grant update (status) on public.follows to authenticated;
create policy o on public.moments to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy f on public.moments for select to authenticated using (exists (select 1 from public.follows f where f.followee_id = moments.user_id and f.follower_id = (select auth.uid()) and f.status = 'accepted'));
