-- Up Migration
-- Of a deleted person that was merged into another: the one that was kept. Derived by sinks/postgres/ddl.ts.
alter table "canonical"."person" add column "merged_into_id" uuid;

-- Down Migration
alter table "canonical"."person" drop column "merged_into_id";
