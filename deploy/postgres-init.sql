-- Run once, when the volume of the PostgreSQL server is new: Dagster's history beside the hospital's data.
CREATE DATABASE dagster;
