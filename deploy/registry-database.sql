-- Run once, when the volume of PostgreSQL is new: the schema registry keeps its schemas in a database of its own.
create database registry;
