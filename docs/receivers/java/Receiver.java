// A receiver of Ruta's webhooks. Java 17 or newer, nothing but its standard library.
//
// RUTA_SECRET: `whsec_…`, or two with a comma while a key is being replaced. RUTA_ORIGIN: who may send here.
// RUTA_STORE: the file that keeps the events. PORT: listens there on 127.0.0.1, behind a web server with TLS.

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.*;
import java.io.IOException;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.security.*;
import java.time.Instant;
import java.util.*;
import java.util.concurrent.Executors;
import java.util.regex.*;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Receiver {
    static final int LIMIT = 64 * 1024; // bytes

    // -- take this into your own system: from here --------------------------------------------------

    /** The keys of `whsec_…,whsec_…`. Anything else is an error: with an empty key anybody could sign. */
    static List<byte[]> readKeys(String secrets) {
        List<byte[]> keys = new ArrayList<>();
        for (String text : secrets.split(",", -1)) {
            String base64 = text.strip().startsWith("whsec_") ? text.strip().substring(6) : "";
            byte[] key = Base64.getDecoder().decode(base64);
            if (key.length < 24)
                throw new IllegalArgumentException("RUTA_SECRET: each is whsec_ and the base64 of at least 24 bytes.");
            keys.add(key);
        }
        return keys;
    }

    /** Whether Ruta sent this, within 5 minutes. Three headers (null if missing), and the body's bytes as they came. */
    static boolean verify(List<byte[]> keys, String id, String timestamp, String signatures, byte[] body)
            throws GeneralSecurityException {
        if (id == null || timestamp == null || signatures == null) return false;
        if (!id.matches("[A-Za-z0-9_-]+") || !timestamp.matches("[0-9]{1,12}")) return false;
        if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300) return false;
        for (byte[] key : keys) {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            mac.update((id + "." + timestamp + ".").getBytes(UTF_8));
            byte[] ours = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(UTF_8);
            for (String item : signatures.split(" ")) // an item of another version equals none of ours
                if (MessageDigest.isEqual(ours, item.getBytes(UTF_8))) return true;
        }
        return false;
    }

    // -- to here ------------------------------------------------------------------------------------

    static final Pattern KEPT = Pattern.compile(",\"id\":\"([A-Za-z0-9_-]+)\",\"sha256\":\"([0-9a-f]{64})\"}$");
    record Kept(String sha256, long epoch) {}
    static final Map<String, Kept> seen = new HashMap<>();
    static List<byte[]> keys;
    static String origin;
    static Path store;

    /** The status to answer: 204 new and on disk, 200 kept before, 409 the same id with another body. */
    static synchronized int keep(String id, long epoch, byte[] body) throws IOException, GeneralSecurityException {
        String sha256 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body));
        Kept kept = seen.get(id); // yours is a table, the id its key
        // a greater epoch: Ruta was restored from a backup, and sends what is kept with other numbers
        if (kept != null) return sha256.equals(kept.sha256) || epoch > kept.epoch ? 200 : 409;
        String event = new String(body, UTF_8).replace('\r', ' ').replace('\n', ' ');
        String line = "{\"event\":" + event + ",\"id\":\"" + id + "\",\"sha256\":\"" + sha256 + "\"}";
        byte[] bytes = ("\n" + line + "\n").getBytes(UTF_8); // the first \n ends a line that a crash cut short
        try (FileChannel file = FileChannel.open(store, StandardOpenOption.APPEND)) {
            for (ByteBuffer rest = ByteBuffer.wrap(bytes); rest.hasRemaining();) file.write(rest);
            file.force(true);
        }
        seen.put(id, new Kept(sha256, epoch));
        return 204;
    }

    /** The event's epoch, which grows when Ruta is restored from a backup; 0 if it has none. */
    static long epochOf(String json, String... path) {
        String epoch = field(json, path);
        return epoch != null && epoch.matches("[0-9]{1,18}") ? Long.parseLong(epoch) : 0;
    }

    /** The text, number or word under these keys, as it is written; null if none. Java has no JSON: take a library. */
    static String field(String json, String... wanted) {
        List<String> path = new ArrayList<>();
        for (int at = 0; at < json.length(); at++) {
            char character = json.charAt(at);
            if (character == '{' || character == '[') path.add("");
            else if (character == '}' || character == ']') path.remove(path.size() - 1);
            else if (character == '"') {
                int start = at + 1;
                while (json.charAt(++at) != '"') if (json.charAt(at) == '\\') at++;
                int next = at + 1;
                while (Character.isWhitespace(json.charAt(next))) next++;
                if (json.charAt(next) == ':') path.set(path.size() - 1, json.substring(start, at));
                else if (path.equals(List.of(wanted))) return json.substring(start - 1, at + 1);
            } else if (Character.isLetterOrDigit(character) || character == '-') {
                int start = at;
                while (at + 1 < json.length() && ",]} \t\r\n".indexOf(json.charAt(at + 1)) < 0) at++;
                if (path.equals(List.of(wanted))) return json.substring(start, at + 1);
            }
        }
        return null;
    }

    static int receive(HttpExchange exchange, StringBuilder answer) throws IOException, GeneralSecurityException {
        Headers request = exchange.getRequestHeaders(), response = exchange.getResponseHeaders();
        response.set("Allow", "OPTIONS, POST");
        if (exchange.getRequestMethod().equals("OPTIONS")) { // Ruta asks whether it may send here
            if (!origin.equals(request.getFirst("WebHook-Request-Origin"))) return 403;
            response.set("WebHook-Allowed-Origin", origin);
            response.set("WebHook-Allowed-Rate", "*");
            return 200;
        }
        if (!exchange.getRequestMethod().equals("POST")) return 405;
        byte[] body = exchange.getRequestBody().readNBytes(LIMIT + 1);
        if (body.length > LIMIT) return 413;
        String id = request.getFirst("webhook-id"), signatures = request.getFirst("webhook-signature");
        if (!verify(keys, id, request.getFirst("webhook-timestamp"), signatures, body)) return 401;
        String type, challenge;
        long epoch;
        try {
            String json = new String(body, UTF_8);
            type = field(json, "type");
            epoch = epochOf(json, "epoch");
            challenge = field(json, "data", "challenge");
        } catch (IndexOutOfBoundsException malformed) {
            return 400;
        }
        if (type == null || !type.startsWith("\"")) return 400;
        if (!type.equals("\"endpoint.challenge\"")) return keep(id, epoch, body);
        response.set("Content-Type", "application/json"); // the challenge proves that this address is yours
        answer.append("{\"challenge\":").append(challenge).append("}");
        return 200;
    }

    static void answer(HttpExchange exchange) throws IOException {
        StringBuilder answer = new StringBuilder();
        int status;
        try {
            status = receive(exchange, answer);
        } catch (IOException | GeneralSecurityException | RuntimeException error) {
            status = 503; // not kept, so not received: Ruta sends it again
        }
        try (exchange) {
            byte[] bytes = answer.toString().getBytes(UTF_8);
            exchange.getResponseHeaders().set("Connection", "close");
            exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
            exchange.getResponseBody().write(bytes);
        }
    }

    public static void main(String[] arguments) throws IOException {
        keys = readKeys(System.getenv().getOrDefault("RUTA_SECRET", ""));
        origin = System.getenv().getOrDefault("RUTA_ORIGIN", "");
        if (origin.isEmpty()) throw new IllegalArgumentException("RUTA_ORIGIN is empty.");
        store = Path.of(System.getenv("RUTA_STORE"));
        FileChannel.open(store, StandardOpenOption.CREATE, StandardOpenOption.APPEND).close();
        for (String line : Files.readAllLines(store, ISO_8859_1)) { // one that a crash cut short does not match
            Matcher kept = KEPT.matcher(line);
            if (!kept.find()) continue;
            seen.put(kept.group(1), new Kept(kept.group(2), epochOf(line, "event", "epoch")));
        }
        System.setProperty("sun.net.httpserver.maxReqTime", "15"); // seconds, for a whole request
        int port = Integer.parseInt(System.getenv("PORT"));
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port), 0);
        server.createContext("/", Receiver::answer);
        server.setExecutor(Executors.newCachedThreadPool()); // or a slow one would hold up the rest
        server.start();
        System.out.println("ready");
    }
}
