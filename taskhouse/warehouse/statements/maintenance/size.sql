SELECT
    block_size * total_blocks AS bytes,
    free_blocks / nullif(total_blocks, 0) AS free_share
FROM
    pragma_database_size()
WHERE
    database_name = current_database()
