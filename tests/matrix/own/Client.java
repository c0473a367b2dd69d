// usage: java Client LIBRARY URL (MODE FILE)...      by HttpClient, on connections that
// it keeps. CA_FILE names the authority.
import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Client {
    static SSLContext trust(String file) throws Exception {
        var store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509")
            .generateCertificate(new FileInputStream(file)));
        var trusted = TrustManagerFactory.getInstance("PKIX");
        trusted.init(store);
        var context = SSLContext.getInstance("TLS");
        context.init(null, trusted.getTrustManagers(), null);
        return context;
    }

    public static void main(String[] args) throws Exception {
        var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .sslContext(trust(System.getenv("CA_FILE"))).build();
        int failed = 0;
        for (int i = 2; i < args.length; i += 2) {
            var asked = client.sendAsync(
                HttpRequest.newBuilder(URI.create(args[1]))
                    .header("Content-Type", "application/json")
                    .header("Authorization", "Bearer sk-of-nobody")
                    .POST(HttpRequest.BodyPublishers.ofString(
                        Files.readString(Path.of(args[i + 1])))).build(),
                HttpResponse.BodyHandlers.ofString());
            try {
                var answer = asked.get(args[i].equals("timeout") ? 600 : 20000,
                                       TimeUnit.MILLISECONDS);
                System.out.println(args[i] + " " + answer.statusCode() + " "
                                   + answer.body());
                failed += answer.statusCode() == 200 ? 0 : 1;
            } catch (Exception e) {
                asked.cancel(true);
                System.out.println(args[i] + " " + e.getClass().getName());
                failed++;
            }
        }
        System.exit(failed);
    }
}
