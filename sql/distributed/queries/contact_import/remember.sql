-- contact_import/remember: on a distributed database; a statement a contact, on the tenant's shard
select from mako.remember_imports($1, $2, $3, $4)
