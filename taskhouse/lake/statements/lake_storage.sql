-- The bucket in which the files of a lake are.

-- name: is_loaded
FROM
    duckdb_extensions()
WHERE
    extension_name = 'httpfs'
    AND loaded

-- name: settings
-- What every server must prove. When DuckDB loads its extension, it copies the keys of the environment into settings,
-- which any statement could read.
SET enable_server_cert_verification = true;
SET enable_curl_server_cert_verification = true;
SET s3_access_key_id = '';
SET s3_secret_access_key = '';
SET s3_session_token = '';

-- name: secret
-- It stays in the memory of this DuckDB.
CREATE SECRET taskhouse_lake (
    TYPE s3,
    PROVIDER config,
    SCOPE $scope,
    KEY_ID $key_id,
    SECRET $secret,
    SESSION_TOKEN $session_token,
    REGION $region,
    ENDPOINT $endpoint,
    URL_STYLE $url_style,
    USE_SSL $use_ssl
)

-- name: look
-- One request, regardless of what the bucket has: nothing of a lake is called like this.
FROM
    glob($pattern)

-- name: place
-- Where the catalogue says that the files are.
SELECT
    value
FROM
    __ducklake_metadata_lake.ducklake_metadata
WHERE
    key = 'data_path'
