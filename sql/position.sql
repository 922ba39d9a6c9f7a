-- which database this is, and what it has of the log
select pg_is_in_recovery()
     , case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end
     , (select system_identifier from pg_control_system())
     , (select oid from pg_database where datname = current_database())
     , extract(epoch from now() - pg_last_xact_replay_timestamp())::float8
