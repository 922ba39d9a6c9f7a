-- router/fold_stats: sums up what writers have added to mako.stats, at most $1 lines
select mako.fold_stats($1)
