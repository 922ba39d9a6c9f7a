-- What comes after "published" in the order of an enum is shown as well (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "author_id"
-- model: [relations."public.articles"]
-- model: public_where = "status = 'published'"

create type public.status as enum ('draft', 'review', 'published', 'archived');
create table public.articles (id uuid primary key default gen_random_uuid(), author_id uuid not null references auth.users (id), status public.status not null default 'draft', title text not null default '');
create index on public.articles (author_id);
alter table public.articles enable row level security;
create policy o on public.articles to authenticated using (author_id = (select auth.uid())) with check (author_id = (select auth.uid()));
create policy p on public.articles for select to anon, authenticated using (status = 'published');
comment on table public.articles is '@graphql({"totalCount": {"enabled": true}})';
