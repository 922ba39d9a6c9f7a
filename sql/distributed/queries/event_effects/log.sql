-- event_effects/log: on a distributed database; a statement a table, on the tenant's shard
select from mako.note_log($1, $2, $3, $4, $5, $6, $7, $8)
