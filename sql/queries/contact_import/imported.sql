-- contact_import/imported: what these ids of a browser became
select import_id, contact_id, digest
from mako.contact_imports
where user_id = $1 and import_id in (select unnest($2))
