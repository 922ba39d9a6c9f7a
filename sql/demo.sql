-- Two made-up tenants for `mako dev`; run by the superuser, once. Numbers are from the range kept for fiction.
do $$
declare
  tenant record;
begin
  for tenant in
    select * from (values
      -- id, e-mail, business, number, size: alice has more of everything
      ('0a11ce00-0000-4000-8000-000000000001', 'alice@example.com', 'Alice''s Dental Studio', '+15550100001', 48),
      ('0b0b0000-0000-4000-8000-000000000002', 'bob@example.com', 'Bob & Sons Roofing', '+15550100002', 17)
    ) as tenant(id, email, business, phone, size)
  loop
    continue when exists (select from public.users where id = tenant.id or email = tenant.email)
      or exists (select from mako.deleted_users where id = tenant.id);

    insert into public.users (id, email, password, business_name, email_verified)
    values (tenant.id, tenant.email, '!', tenant.business, true);

    insert into public.user_phone_numbers (user_id, phone, provider, label, verified_at)
    values (tenant.id, tenant.phone, 'twilio', 'Reception', now());

    -- One person a row; every third is an enquiry by text, the rest called.
    create temporary table person on commit drop as
    select n,
      (array['Ada', 'Bruno', 'Chloe', 'Dev', 'Elif', 'Femi', 'Greta', 'Hugo', 'Ines', 'Jonas'])[1 + n % 10] as first_name,
      (array['Okafor', 'Silva', 'Meyer', 'Novak', 'Ito', 'Larsen', 'Rossi'])[1 + n % 7] as last_name,
      '+1555' || right(tenant.phone, 1) || lpad((n * 7919 % 1000000)::text, 6, '0') as phone,
      now() - make_interval(hours => n * n * 2 % 4080, mins => n * 37) as met
    from generate_series(1, tenant.size) n;

    insert into public.leads (user_id, name, phone, status, source, summary, sentiment, created_at, updated_at)
    select tenant.id, first_name || ' ' || last_name, phone,
      (array['new', 'new', 'qualified', 'contacted', 'booked', 'proposal', 'converted'])[1 + n % 7],
      case when n % 3 = 0 then 'SMS' else 'Voice' end,
      (array['Asked for prices', 'Wants an appointment next week', 'Called back, very interested', 'Asked for a quote'])[1 + n % 4],
      (array['positive', 'neutral', 'negative'])[1 + n % 3], met, met
    from person;

    insert into public.contacts (user_id, first_name, last_name, email, phone, company, status, created_at, updated_at)
    select tenant.id, first_name, last_name, lower(first_name || '.' || last_name || n) || '@example.com', phone,
      (array['Acme', 'Globex', 'Initech', null])[1 + n % 4], (array['active', 'active', 'pending'])[1 + n % 3], met, met
    from person where n % 2 = 0;

    insert into public.call_logs (user_id, phone, duration, sentiment, summary, created_at, updated_at)
    select tenant.id, phone, 30 + n * 13 % 600, (array['positive', 'neutral', 'negative'])[1 + n % 3],
      first_name || ' asked about opening hours and prices', met, met
    from person where n % 3 <> 0;

    insert into public.automation_logs (user_id, action_type, status, details, created_at, updated_at)
    select tenant.id, case when n % 3 = 0 then 'sms' else 'call' end, 'completed',
      jsonb_build_object('direction', 'inbound', 'from', phone)::text, met, met
    from person;

    drop table person;
  end loop;
end $$;
