-- After sql/settings.sql, for a replica: division_by_zero unless this is a standby that has replayed $5, a pg_lsn. Decided in
-- the transaction that reads, whichever server of several answers.
     , 1 / case when pg_is_in_recovery() and pg_last_wal_replay_lsn() >= $5::pg_lsn then 1 else 0 end
