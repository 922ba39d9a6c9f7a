-- contact_import/insert: on a distributed database; a statement a contact, on the tenant's shard
select id, first_name, last_name, email, phone, company from mako.import_contacts($1, $2)
