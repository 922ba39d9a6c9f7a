-- contact_import/fold: these texts ($2), and how this database folds their case; reads no table
select distinct text, lower(text) from unnest($2) as given (text)
