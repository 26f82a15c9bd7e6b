-- Up Migration
-- Whoever is a member of syncline_reader sees the rows of one organisation; nobody else is restricted by anything but what he was granted,
-- so the workers' own role reads and writes as before. A migration that adds a table to schema canonical ends with:
-- select canonical.restrict_readers();

-- The organisation whose rows may be seen. A login role of sync.readers is bound to one, whatever it sets. A program that acts for many
-- logs in as the owner of the tables, or a member of it, gives that up by `set role syncline_reader`, and names one by the setting
-- syncline.org. For anybody else: null, and no row is seen; so a role that was renamed sees nothing rather than everything.
create function canonical.readable_org() returns text language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(
    (select org_id from sync.readers where role_name = session_user),
    -- within this function current_user is who owns it
    case when pg_has_role(session_user, current_user, 'member') then nullif(current_setting('syncline.org', true), '') end)
$$;

-- What syncline_reader may do, and that it sees one organisation, for every table of the schema. False: the role does not exist, and whoever
-- may not create one needs an administrator to. May be called again at any time.
create function canonical.restrict_readers() returns boolean language plpgsql as $$
declare
  found record;
begin
  if not exists (select from pg_roles where rolname = 'syncline_reader') then return false; end if;
  grant usage on schema canonical to syncline_reader;
  for found in
    select c.oid, format('%I.%I', n.nspname, c.relname) as name, c.relrowsecurity as secured
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'canonical' and c.relkind in ('r', 'p') order by c.relname
  loop
    if not has_table_privilege('syncline_reader', found.oid, 'select') then
      execute format('grant select on %s to syncline_reader', found.name);
    end if;
    if not exists (select from pg_policy where polrelid = found.oid and polname = 'everybody') then
      execute format('create policy everybody on %s using (true)', found.name);
    end if;
    -- Restrictive: it is added to what any other policy allows. The subselect is asked once a statement, so the index on org_id serves.
    if not exists (select from pg_policy where polrelid = found.oid and polname = 'readers_see_one_organisation') then
      execute format(
        'create policy readers_see_one_organisation on %s as restrictive to syncline_reader using (org_id = (select canonical.readable_org()))',
        found.name);
    end if;
    if not found.secured then execute format('alter table %s enable row level security', found.name); end if;
  end loop;
  return true;
end $$;

-- Roles are of the whole server: another database of it may have made this one, now or at this moment.
do $$
begin
  create role syncline_reader nologin;
exception
  when duplicate_object or unique_violation then null;
  when insufficient_privilege then
    raise notice 'the role syncline_reader was not created: % may not create roles', current_user;
end $$;

select canonical.restrict_readers();

-- Down Migration
do $$
declare
  found record;
begin
  for found in
    select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'canonical' and c.relkind in ('r', 'p')
  loop
    execute format('drop policy if exists everybody on %s', found.name);
    execute format('drop policy if exists readers_see_one_organisation on %s', found.name);
    execute format('alter table %s disable row level security', found.name);
  end loop;
end $$;
drop function canonical.restrict_readers, canonical.readable_org;
