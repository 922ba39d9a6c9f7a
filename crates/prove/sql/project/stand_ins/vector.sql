-- vector: the type as text, its distances as 0, no index methods. What rows hold decides nothing about whose they are.
create type extensions.vector;
create function extensions.vector_in(cstring, oid, integer) returns extensions.vector language internal immutable strict
  as 'varcharin';
create function extensions.vector_out(extensions.vector) returns cstring language internal immutable strict as 'varcharout';
create function extensions.vector_typmod_in(cstring[]) returns integer language internal immutable strict as 'varchartypmodin';
create type extensions.vector (input = extensions.vector_in, output = extensions.vector_out,
  typmod_in = extensions.vector_typmod_in, storage = extended);
create cast (text as extensions.vector) with inout as assignment;
create cast (extensions.vector as text) with inout as assignment;
create function extensions.l2_distance(extensions.vector, extensions.vector) returns float8 language sql immutable as 'select 0.0::float8';
create function extensions.cosine_distance(extensions.vector, extensions.vector) returns float8 language sql immutable as 'select 0.0::float8';
create function extensions.inner_product(extensions.vector, extensions.vector) returns float8 language sql immutable as 'select 0.0::float8';
create function extensions.vector_dims(extensions.vector) returns integer language sql immutable as 'select 0';
create operator extensions.<-> (leftarg = extensions.vector, rightarg = extensions.vector, function = extensions.l2_distance);
create operator extensions.<=> (leftarg = extensions.vector, rightarg = extensions.vector, function = extensions.cosine_distance);
create operator extensions.<#> (leftarg = extensions.vector, rightarg = extensions.vector, function = extensions.inner_product);
