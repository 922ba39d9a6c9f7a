-- Rows whose columns checks tie together, and which everybody may make their own (the correct twin: their owner may change them)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.shifts takeover leak
-- expect: public.invoices takeover leak
-- expect: public.pages takeover leak
-- expect: public.documents takeover leak

create table public.shifts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  starts timestamptz not null,
  ends timestamptz not null,
  check (starts < ends and ends - starts <= interval '8 hours')
);
create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  net int not null check (net > 0),
  tax int not null,
  total int not null check (total = net + tax),
  check (tax <= net and tax * 2 >= net),
  paid_on date not null check (paid_on <= current_date - interval '2 years')
);
create table public.pages (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  slug text not null unique check (slug ~ '^[A-Z0-9]+(-[A-Z0-9]+)*$' and char_length(slug) between 30 and 60),
  path text not null check (path = '/p/' || slug),
  title text not null check (char_length(trim(title)) between 100 and 200)
);
create table public.documents (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  body jsonb not null check (jsonb_typeof(body) = 'object' and body ? 'title' and char_length(body ->> 'title') between 1 and 80),
  labels int[] not null check (cardinality(labels) between 1 and 5)
);
create index on public.shifts (user_id);
alter table public.shifts enable row level security;
create policy see on public.shifts for select to authenticated using (user_id = (select auth.uid()));
create policy make on public.shifts for insert to authenticated with check (user_id = (select auth.uid()));
create policy edit on public.shifts for update to authenticated using (true) with check (user_id = (select auth.uid()));
create index on public.invoices (user_id);
alter table public.invoices enable row level security;
create policy see on public.invoices for select to authenticated using (user_id = (select auth.uid()));
create policy make on public.invoices for insert to authenticated with check (user_id = (select auth.uid()));
create policy edit on public.invoices for update to authenticated using (true) with check (user_id = (select auth.uid()));
create index on public.pages (user_id);
alter table public.pages enable row level security;
create policy see on public.pages for select to authenticated using (user_id = (select auth.uid()));
create policy make on public.pages for insert to authenticated with check (user_id = (select auth.uid()));
create policy edit on public.pages for update to authenticated using (true) with check (user_id = (select auth.uid()));
create index on public.documents (user_id);
alter table public.documents enable row level security;
create policy see on public.documents for select to authenticated using (user_id = (select auth.uid()));
create policy make on public.documents for insert to authenticated with check (user_id = (select auth.uid()));
create policy edit on public.documents for update to authenticated using (true) with check (user_id = (select auth.uid()));
