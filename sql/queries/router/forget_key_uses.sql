-- router/forget_key_uses: removes uses of keys older than $1 days, $2 at a time
select mako.forget_key_uses(make_interval(days => $1), $2)
