-- router/note_event_outcomes: what became of deliveries; which of them somebody else has locked, to be noted again
select user_id, id from mako.note_event_outcomes($1)
