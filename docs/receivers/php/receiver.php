<?php
// A receiver of Ruta's webhooks. PHP 8.1 or newer, nothing but its standard library.
//
// RUTA_SECRET: `whsec_…`, or two with a comma while a key is being replaced. RUTA_ORIGIN: who may send here.
// RUTA_STORE: the file that keeps the events; not inside a folder that your web server shows.
// For PHP-FPM or Apache, with TLS. `php -S` is for trying it out only: a malformed request can end it.

declare(strict_types=1);
ini_set('display_errors', '0');
header_remove('X-Powered-By');
umask(0077);

const LIMIT = 64 * 1024; // bytes

// -- take this into your own system: from here ------------------------------------------------------

/** Return the keys of `whsec_…,whsec_…`. Anything else is an error: with an empty key anybody could sign. */
function read_keys(string $secrets): array
{
    return array_map(function (string $text): string {
        $key = str_starts_with($text, 'whsec_') ? base64_decode(substr($text, 6), true) : false;
        if ($key === false || strlen($key) < 24) {
            throw new RuntimeException('RUTA_SECRET: each secret is whsec_ and the base64 of at least 24 bytes.');
        }
        return $key;
    }, array_map('trim', explode(',', $secrets)));
}

/** Whether Ruta sent this, within 5 minutes. Three headers (null if missing), and the body's bytes as they came. */
function verify(array $keys, ?string $id, ?string $timestamp, ?string $signatures, string $body): bool
{
    if (!$id || !$timestamp || !$signatures) {
        return false;
    }
    if (!preg_match('/\A[A-Za-z0-9_-]+\z/', $id) || !preg_match('/\A[0-9]{1,12}\z/', $timestamp)) {
        return false;
    }
    if (abs(time() - (int) $timestamp) > 300) {
        return false;
    }
    foreach ($keys as $key) {
        $ours = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
        foreach (explode(' ', $signatures) as $item) { // an item of another version equals none of ours
            if (hash_equals($ours, $item)) {
                return true;
            }
        }
    }
    return false;
}

// -- to here ----------------------------------------------------------------------------------------

/** Return the event's epoch, which grows when Ruta is restored from a backup; 0 if it has none. */
function epoch_of(array $event): int
{
    $epoch = $event['epoch'] ?? null;
    return is_int($epoch) ? $epoch : 0;
}

/** Return the status to answer: 204 new and on disk, 200 kept before, 409 the same id with another body. */
function keep(string $path, string $id, int $epoch, string $body): int
{
    $sha256 = hash('sha256', $body);
    $file = fopen($path, 'a+b') ?: throw new RuntimeException('RUTA_STORE cannot be opened.');
    flock($file, LOCK_EX) ?: throw new RuntimeException('RUTA_STORE cannot be locked.');
    // PHP forgets everything between requests, so the file is read each time. Yours is a table with the id as its key.
    rewind($file);
    while (($line = fgets($file)) !== false) {
        $kept = json_decode($line, true); // null: empty, or cut short by a crash; then Ruta sends it again
        if (($kept['id'] ?? null) === $id) {
            // a greater epoch: Ruta was restored from a backup, and sends what is kept with other numbers
            return $sha256 === $kept['sha256'] || $epoch > epoch_of($kept['event']) ? 200 : 409;
        }
    }
    $event = strtr($body, "\r\n", '  ');
    $line = "\n{\"event\":$event,\"id\":\"$id\",\"sha256\":\"$sha256\"}\n"; // the first \n ends a line cut short
    if (fwrite($file, $line) !== strlen($line) || !fflush($file) || !fsync($file)) {
        throw new RuntimeException('RUTA_STORE cannot be written.');
    }
    return 204; // PHP closes the file, and so lets others have it
}

/** Answer and stop. */
function answer(int $status, array $headers = [], string $body = ''): never
{
    http_response_code($status);
    array_map('header', $headers);
    exit($body);
}

try {
    $keys = read_keys((string) getenv('RUTA_SECRET'));
    $origin = (string) getenv('RUTA_ORIGIN');
    $store = (string) getenv('RUTA_STORE');
    if ($origin === '' || $store === '') {
        throw new RuntimeException('RUTA_ORIGIN or RUTA_STORE is empty.');
    }
    if ($_SERVER['REQUEST_METHOD'] === 'OPTIONS') { // Ruta asks whether it may send here
        if (($_SERVER['HTTP_WEBHOOK_REQUEST_ORIGIN'] ?? '') !== $origin) {
            answer(403);
        }
        answer(200, ["WebHook-Allowed-Origin: $origin", 'WebHook-Allowed-Rate: *', 'Allow: OPTIONS, POST']);
    }
    if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
        answer(405, ['Allow: OPTIONS, POST']);
    }
    $body = (string) file_get_contents('php://input', false, null, 0, LIMIT + 1);
    if (strlen($body) > LIMIT) {
        answer(413);
    }
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? null;
    $signatures = $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? null;
    if (!verify($keys, $id, $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? null, $signatures, $body)) {
        answer(401);
    }
    $event = json_decode($body, true);
    if (!is_string($event['type'] ?? null)) {
        answer(400);
    }
    if ($event['type'] !== 'endpoint.challenge') {
        answer(keep($store, $id, epoch_of($event), $body));
    }
    $challenge = ['challenge' => $event['data']['challenge'] ?? null]; // it proves that this address is yours
    answer(200, ['Content-Type: application/json'], json_encode($challenge));
} catch (Throwable $error) {
    error_log($error->getMessage());
    answer(503); // not kept, so not received: Ruta sends it again
}
