-- contacts/delete: removes one of the caller's contacts
delete from public.contacts where user_id = $1 and id = $2 returning id
