-- contact_import/lock: one import of the caller's at a time, until the transaction ends
select pg_advisory_xact_lock(hashtextextended('mako.contact_import:' || $1, 0))
