-- router/record: a verified delivery that arrived at $9, recorded once; whose it is, if that is known
select id, user_id, status, is_new from mako.record_event($1, $2, $3, $4, $5, $6, $7, $8, $9)
