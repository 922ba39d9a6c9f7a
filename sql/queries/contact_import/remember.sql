-- contact_import/remember: which contacts ($3) these ids of a browser ($2) became, and from what ($4)
insert into mako.contact_imports (user_id, import_id, contact_id, digest)
select $1, import_id, contact_id, digest
from unnest($2, $3, $4) as imported (import_id, contact_id, digest)
on conflict (user_id, import_id, contact_id) do update set digest = excluded.digest, imported_at = now()
