-- http: calls are refused, nothing leaves the database.
create type extensions.http_header as (field varchar, value varchar);
create type extensions.http_response as (status integer, content_type varchar, headers extensions.http_header[], content varchar);
create function extensions.http_get(uri varchar) returns extensions.http_response language sql as $$
  select row(503, null, null, null)::extensions.http_response
$$;
create function extensions.http_post(uri varchar, content varchar, content_type varchar)
  returns extensions.http_response language sql as $$
  select row(503, null, null, null)::extensions.http_response
$$;
create function extensions.http_header(field varchar, value varchar) returns extensions.http_header language sql as $$
  select row(field, value)::extensions.http_header
$$;
