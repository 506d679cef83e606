<?php
// Sends what the command line names, `URL body URL body ...` (an empty body: a GET), and prints a line for each:
// status, bytes, their SHA-256, and the text or the error in base64.
function send_each(callable $send): void
{
    global $argv;
    foreach (array_chunk(array_slice($argv, 1), 2) as [$url, $body]) {
        try {
            [$status, $text] = $send($url, $body === '' ? null : $body);
        } catch (Throwable $error) {
            [$status, $text] = [0, get_class($error) . ': ' . $error->getMessage()];
        }
        echo implode("\t", [$status, strlen($text), hash('sha256', $text), base64_encode(substr($text, 0, 2000))]), "\n";
    }
}
