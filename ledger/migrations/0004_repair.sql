-- Up Migration
-- Whether the parents that an entity's parked rows wait for have been fetched by id: none (not necessary so far), ready (it would
-- close now but for its parked rows), done (they were asked for, or nothing could be asked for; it closes as it is).
alter table sync.run_entities add column repair text not null default 'none' check (repair in ('none', 'ready', 'done'));

-- Down Migration
alter table sync.run_entities drop column repair;
