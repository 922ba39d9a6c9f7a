-- pg_graphql: graphql_public.graphql is there already, as on every project.
create or replace function graphql.resolve(query text, variables jsonb default '{}', "operationName" text default null,
  extensions jsonb default null) returns jsonb language sql as $$
  select graphql_public.graphql("operationName", query, variables, extensions)
$$;
