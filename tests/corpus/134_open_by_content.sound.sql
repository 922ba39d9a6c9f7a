-- The same conditions, of one's own rows only
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.posts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  status text default 'draft', is_premium boolean default false
);
create index on public.posts (user_id);
alter table public.posts enable row level security;
create table public.prices (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  price int not null default 0
);
create index on public.prices (user_id);
alter table public.prices enable row level security;
create table public.tagged (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  tags text[] not null default '{}'
);
create index on public.tagged (user_id);
alter table public.tagged enable row level security;
create table public.shared (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  meta jsonb not null default '{}'
);
create index on public.shared (user_id);
alter table public.shared enable row level security;
create table public.nested (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  meta jsonb
);
create index on public.nested (user_id);
alter table public.nested enable row level security;
create table public.dated (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  published_at timestamptz
);
create index on public.dated (user_id);
alter table public.dated enable row level security;
create table public.old (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  made_on date not null default current_date
);
create index on public.old (user_id);
alter table public.old enable row level security;
create table public.window_of (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  opens date, closes date
);
create index on public.window_of (user_id);
alter table public.window_of enable row level security;
create table public.ranked (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  rank int check (rank between 0 and 50)
);
create index on public.ranked (user_id);
alter table public.ranked enable row level security;
create table public.worded (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null
);
create index on public.worded (user_id);
alter table public.worded enable row level security;
create table public.listed (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  kind text not null default 'a' check (kind in ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'open'))
);
create index on public.listed (user_id);
alter table public.listed enable row level security;
create table public.cleared (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  secret text default 'x', level int default 3
);
create index on public.cleared (user_id);
alter table public.cleared enable row level security;
create table public.either (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  a boolean default false, b boolean default false, c boolean default false
);
create index on public.either (user_id);
alter table public.either enable row level security;
create table public.cased (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  mode int not null default 0
);
create index on public.cased (user_id);
alter table public.cased enable row level security;
create table public.helped (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  visibility text not null default 'private'
);
create index on public.helped (user_id);
alter table public.helped enable row level security;
create table public.rowed (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  state text not null default 'new'
);
create index on public.rowed (user_id);
alter table public.rowed enable row level security;
create table public.looked_up (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  state text not null default 'new'
);
create index on public.looked_up (user_id);
alter table public.looked_up enable row level security;
create table public.contained (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  meta jsonb not null default '{}'
);
create index on public.contained (user_id);
alter table public.contained enable row level security;
create function public.is_open(v text) returns boolean language sql immutable as $$ select v in ('world', 'members') $$;
create function public.shows(r public.rowed) returns boolean language plpgsql stable as $$
begin
  if r.state = 'final' then
    return true;
  end if;
  return false;
end $$;
create function public.is_final(which uuid) returns boolean language sql stable security definer set search_path = ''
  as $$ select exists (select from public.looked_up l where l.id = which and l.user_id = auth.uid() and l.state = 'final') $$;
create table public.remarks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  post_id uuid references public.posts (id) on delete cascade,
  hidden boolean not null default true
);
create index on public.remarks (user_id);
alter table public.remarks enable row level security;
create policy own on public.posts for select to authenticated
  using (user_id = (select auth.uid()) and (status = 'published' and not is_premium));
create policy own on public.prices for select to authenticated
  using (user_id = (select auth.uid()) and (price > 100));
create policy own on public.tagged for select to authenticated
  using (user_id = (select auth.uid()) and ('public' = any (tags)));
create policy own on public.shared for select to authenticated
  using (user_id = (select auth.uid()) and (meta ->> 'shared' = 'true'));
create policy own on public.nested for select to authenticated
  using (user_id = (select auth.uid()) and ((meta -> 'flags' ->> 'open')::boolean));
create policy own on public.dated for select to authenticated
  using (user_id = (select auth.uid()) and (published_at < now()));
create policy own on public.old for select to authenticated
  using (user_id = (select auth.uid()) and (now() - made_on > interval '90 days'));
create policy own on public.window_of for select to authenticated
  using (user_id = (select auth.uid()) and (current_date between opens and closes));
create policy own on public.ranked for select to authenticated
  using (user_id = (select auth.uid()) and (rank >= 42 and rank <> 42));
create policy own on public.worded for select to authenticated
  using (user_id = (select auth.uid()) and (title like 'public:%'));
create policy own on public.listed for select to authenticated
  using (user_id = (select auth.uid()) and (kind = any (array['open', 'none'])));
create policy own on public.cleared for select to authenticated
  using (user_id = (select auth.uid()) and (secret is null and level = 0));
create policy own on public.either for select to authenticated
  using (user_id = (select auth.uid()) and ((a and b and c)));
create policy own on public.cased for select to authenticated
  using (user_id = (select auth.uid()) and (case when mode = 7 then true else false end));
create policy own on public.helped for select to authenticated
  using (user_id = (select auth.uid()) and (public.is_open(visibility)));
create policy own on public.rowed for select to authenticated
  using (user_id = (select auth.uid()) and (public.shows(rowed)));
create policy own on public.looked_up for select to authenticated
  using (user_id = (select auth.uid()) and (public.is_final(id)));
create policy own on public.contained for select to authenticated
  using (user_id = (select auth.uid()) and (meta @> '{"team": "all"}'));
create policy own on public.remarks for select to authenticated
  using (user_id = (select auth.uid()) and not hidden and exists (
    select from public.posts p where p.id = remarks.post_id and p.status = 'published' and not p.is_premium));
