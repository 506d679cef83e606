<?php
// PHP's streams read no proxy variable: the proxy is named in the context, as the documentation says.
require __DIR__ . '/lines.php';

$proxy = str_replace('http:', 'tcp:', getenv('HTTPS_PROXY') ?: '');
send_each(function (string $url, ?string $body) use ($proxy): array {
    $http = ['timeout' => 20, 'ignore_errors' => true];
    if ($body !== null) {
        $http += ['method' => 'POST', 'content' => $body, 'header' => 'Content-Type: text/plain'];
    }
    if ($proxy !== '' && parse_url($url, PHP_URL_HOST) !== '127.0.0.1') {
        $http['proxy'] = $proxy;
        $http['request_fulluri'] = parse_url($url, PHP_URL_SCHEME) === 'http';
    }
    $text = @file_get_contents($url, false, stream_context_create(['http' => $http]));
    if ($text === false) {
        throw new RuntimeException(error_get_last()['message'] ?? '');
    }
    preg_match('~^HTTP/\S+ (\d+)~', $http_response_header[0], $match);
    return [(int) $match[1], $text];
});
