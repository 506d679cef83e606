import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;

/**
 * java.net.http as it comes, for what the command line names: `URL body URL body …` (an empty body: a GET). Prints a line
 * for each: status, bytes, their SHA-256, and the text or the error in base64.
 */
class Client {
    public static void main(String[] args) throws Exception {
        var client = HttpClient.newHttpClient();
        for (int i = 0; i + 1 < args.length; i += 2) {
            int status = 0;
            byte[] content = {};
            String error = null;
            try {
                var request = HttpRequest.newBuilder(URI.create(args[i]));
                if (!args[i + 1].isEmpty()) request.POST(BodyPublishers.ofString(args[i + 1]));
                var answer = client.send(request.build(), BodyHandlers.ofByteArray());
                content = answer.body();
                status = answer.statusCode();
            } catch (Exception e) {
                error = e.toString();
            }
            var text = error == null ? Arrays.copyOf(content, Math.min(content.length, 2000)) : error.getBytes();
            var digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
            System.out.println(status + "\t" + content.length + "\t" + digest + "\t" + Base64.getEncoder().encodeToString(text));
        }
        System.exit(0);
    }
}
