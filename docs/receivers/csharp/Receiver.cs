// A receiver of Ruta's webhooks. .NET Framework 4.5 or newer, or Mono; nothing but its standard library.
//
// RUTA_SECRET: `whsec_…`, or two with a comma while a key is being replaced. RUTA_ORIGIN: who may send here.
// RUTA_STORE: the file that keeps the events. PORT: listens there on 127.0.0.1, behind a web server with TLS.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;

public static class Receiver
{
    const int Limit = 64 * 1024; // bytes

    // -- take this into your own system: from here --------------------------------------------------

    /// The keys of `whsec_…,whsec_…`. Anything else is an error: with an empty key anybody could sign.
    static List<byte[]> ReadKeys(string secrets)
    {
        return secrets.Split(',').Select(text => text.Trim()).Select(text =>
        {
            bool known = text.StartsWith("whsec_", StringComparison.Ordinal);
            byte[] key = known ? Convert.FromBase64String(text.Substring(6)) : new byte[0];
            if (key.Length >= 24) return key;
            throw new FormatException("RUTA_SECRET: each secret is whsec_ and the base64 of at least 24 bytes.");
        }).ToList();
    }

    /// Whether Ruta sent this, within 5 minutes. Three headers (null if missing), and the body's bytes as they came.
    static bool Verify(List<byte[]> keys, string id, string timestamp, string signatures, byte[] body)
    {
        if (id == null || timestamp == null || signatures == null) return false;
        if (!Regex.IsMatch(id, @"\A[A-Za-z0-9_-]+\z") || !Regex.IsMatch(timestamp, @"\A[0-9]{1,12}\z")) return false;
        TimeSpan now = DateTime.UtcNow - new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        if (Math.Abs(now.TotalSeconds - long.Parse(timestamp, CultureInfo.InvariantCulture)) > 300) return false;
        byte[] signed = Encoding.ASCII.GetBytes(id + "." + timestamp + ".").Concat(body).ToArray();
        return keys.Any(key =>
        {
            using (var hmac = new HMACSHA256(key))
            {
                string ours = "v1," + Convert.ToBase64String(hmac.ComputeHash(signed));
                return signatures.Split(' ').Any(item => AreEqual(ours, item)); // another version equals none of ours
            }
        });
    }

    /// Takes the same time however much is right; .NET Framework has no function for it.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    static bool AreEqual(string ours, string item)
    {
        int difference = ours.Length ^ item.Length;
        for (int at = 0; at < ours.Length && at < item.Length; at++) difference |= ours[at] ^ item[at];
        return difference == 0;
    }

    // -- to here ------------------------------------------------------------------------------------

    class Kept { public string Sha256; public int Epoch; }
    static readonly Dictionary<string, Kept> Seen = new Dictionary<string, Kept>();
    static List<byte[]> keys;
    static string origin, store;

    /// The status to answer: 204 new and on disk, 200 kept before, 409 the same id with another body.
    static int Keep(string id, int epoch, byte[] body)
    {
        string sha256 = string.Concat(SHA256.Create().ComputeHash(body).Select(each => each.ToString("x2")));
        lock (Seen) // yours is a table with the id as its key
        {
            // a greater epoch: Ruta was restored from a backup, and sends what is kept with other numbers
            if (Seen.ContainsKey(id)) return sha256 == Seen[id].Sha256 || epoch > Seen[id].Epoch ? 200 : 409;
            string text = Encoding.UTF8.GetString(body).Replace('\r', ' ').Replace('\n', ' ');
            string line = "{\"event\":" + text + ",\"id\":\"" + id + "\",\"sha256\":\"" + sha256 + "\"}";
            byte[] bytes = Encoding.UTF8.GetBytes("\n" + line + "\n"); // the first \n ends a line that a crash cut short
            using (var file = new FileStream(store, FileMode.Append))
            {
                file.Write(bytes, 0, bytes.Length);
                file.Flush(true);
            }
            Seen[id] = new Kept { Sha256 = sha256, Epoch = epoch };
            return 204;
        }
    }

    [DataContract] class Event { [DataMember] public string type = null; [DataMember] public object epoch = null; }
    [DataContract] class Challenge { [DataMember] public Proof data = null; }
    [DataContract] class Proof { [DataMember] public string challenge = null; }

    static T Read<T>(byte[] json)
    {
        return (T)new DataContractJsonSerializer(typeof(T)).ReadObject(new MemoryStream(json));
    }

    /// The event's epoch, which grows when Ruta is restored from a backup; 0 if it has none.
    static int EpochOf(Event message)
    {
        return message.epoch as int? ?? 0;
    }

    static int Receive(HttpListenerRequest request, HttpListenerResponse response, MemoryStream answer)
    {
        response.AddHeader("Allow", "OPTIONS, POST");
        if (request.HttpMethod == "OPTIONS") // Ruta asks whether it may send here
        {
            if (request.Headers["WebHook-Request-Origin"] != origin) return 403;
            response.AddHeader("WebHook-Allowed-Origin", origin);
            response.AddHeader("WebHook-Allowed-Rate", "*");
            return 200;
        }
        if (request.HttpMethod != "POST") return 405;
        var received = new MemoryStream();
        var buffer = new byte[8192];
        for (int count; (count = request.InputStream.Read(buffer, 0, buffer.Length)) > 0;)
        {
            received.Write(buffer, 0, count);
            if (received.Length > Limit) return 413;
        }
        byte[] body = received.ToArray();
        string id = request.Headers["webhook-id"], signatures = request.Headers["webhook-signature"];
        if (!Verify(keys, id, request.Headers["webhook-timestamp"], signatures, body)) return 401;
        try
        {
            Event message = Read<Event>(body);
            if (message == null || message.type == null) return 400;
            if (message.type != "endpoint.challenge") return Keep(id, EpochOf(message), body);
            Proof proof = Read<Challenge>(body).data; // that this address is yours
            response.ContentType = "application/json";
            new DataContractJsonSerializer(typeof(Proof)).WriteObject(answer, proof);
            return 200;
        }
        catch (SerializationException) { return 400; }
    }

    static void Answer(HttpListenerContext context)
    {
        var answer = new MemoryStream();
        try
        {
            context.Response.KeepAlive = false;
            try { context.Response.StatusCode = Receive(context.Request, context.Response, answer); }
            catch (Exception) { context.Response.StatusCode = 503; } // not kept, so not received: Ruta sends it again
            context.Response.Close(answer.ToArray(), true);
        }
        catch (Exception) { context.Response.Abort(); } // it hung up; an event that was kept comes again, and is known
    }

    public static void Main()
    {
        keys = ReadKeys(Environment.GetEnvironmentVariable("RUTA_SECRET") ?? "");
        origin = Environment.GetEnvironmentVariable("RUTA_ORIGIN");
        store = Environment.GetEnvironmentVariable("RUTA_STORE");
        if (string.IsNullOrEmpty(origin)) throw new FormatException("RUTA_ORIGIN is empty.");
        new FileStream(store, FileMode.Append).Close();
        foreach (string line in File.ReadLines(store)) // one that a crash cut short does not match: Ruta sends it again
        {
            Match kept = Regex.Match(line, ",\"id\":\"([A-Za-z0-9_-]+)\",\"sha256\":\"([0-9a-f]{64})\"}$");
            if (!kept.Success) continue;
            string text = line.Substring(0, kept.Index).Substring("{\"event\":".Length);
            int epoch = EpochOf(Read<Event>(Encoding.UTF8.GetBytes(text)));
            Seen[kept.Groups[1].Value] = new Kept { Sha256 = kept.Groups[2].Value, Epoch = epoch };
        }
        var listener = new HttpListener();
        listener.Prefixes.Add("http://127.0.0.1:" + Environment.GetEnvironmentVariable("PORT") + "/");
        listener.Start();
        Console.WriteLine("ready");
        for (;;) ThreadPool.QueueUserWorkItem(context => Answer((HttpListenerContext)context), listener.GetContext());
    }
}
