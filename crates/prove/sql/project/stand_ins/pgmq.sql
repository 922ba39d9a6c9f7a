-- pgmq: queues as tables, with what migrations and functions call most.
create schema if not exists pgmq;
create table pgmq.meta (
  queue_name text primary key,
  is_partitioned boolean not null default false,
  is_unlogged boolean not null default false,
  created_at timestamptz not null default now()
);
create type pgmq.message_record as (
  msg_id bigint, read_ct integer, enqueued_at timestamptz, vt timestamptz, message jsonb
);
create function pgmq.create(queue_name text) returns void language plpgsql as $$
begin
  execute format('create table if not exists pgmq.%I (msg_id bigint generated always as identity primary key,
    read_ct integer not null default 0, enqueued_at timestamptz not null default now(), vt timestamptz not null default now(),
    message jsonb)', 'q_' || queue_name);
  execute format('create table if not exists pgmq.%I (msg_id bigint primary key, read_ct integer not null default 0,
    enqueued_at timestamptz not null default now(), archived_at timestamptz not null default now(), vt timestamptz not null,
    message jsonb)', 'a_' || queue_name);
  insert into pgmq.meta values (queue_name) on conflict do nothing;
end $$;
create function pgmq.send(queue_name text, msg jsonb, delay integer default 0) returns setof bigint language plpgsql as $$
begin
  return query execute format('insert into pgmq.%I (message, vt) values ($1, now() + make_interval(secs => $2))
    returning msg_id', 'q_' || queue_name) using msg, delay;
end $$;
create function pgmq.read(queue_name text, vt integer, qty integer) returns setof pgmq.message_record language plpgsql as $$
begin
  return query execute format('update pgmq.%1$I set read_ct = read_ct + 1, vt = now() + make_interval(secs => $1)
    where msg_id in (select msg_id from pgmq.%1$I where vt <= now() order by msg_id limit $2 for update skip locked)
    returning msg_id, read_ct, enqueued_at, vt, message', 'q_' || queue_name) using vt, qty;
end $$;
create function pgmq.pop(queue_name text) returns setof pgmq.message_record language plpgsql as $$
begin
  return query execute format('delete from pgmq.%1$I where msg_id = (select min(msg_id) from pgmq.%1$I where vt <= now())
    returning msg_id, read_ct, enqueued_at, vt, message', 'q_' || queue_name);
end $$;
create function pgmq.delete(queue_name text, msg_id bigint) returns boolean language plpgsql as $$
begin
  execute format('delete from pgmq.%I as q where q.msg_id = $1', 'q_' || queue_name) using msg_id;
  return found;
end $$;
create function pgmq.archive(queue_name text, msg_id bigint) returns boolean language plpgsql as $$
begin
  execute format('with gone as (delete from pgmq.%I as q where q.msg_id = $1 returning *)
    insert into pgmq.%I (msg_id, read_ct, enqueued_at, vt, message)
    select gone.msg_id, read_ct, enqueued_at, vt, message from gone', 'q_' || queue_name, 'a_' || queue_name) using msg_id;
  return found;
end $$;
