-- users/ensure: the caller's row, from the claims alone; $1 is for routing only
select mako.ensure_user() where $1 is not null
