// The bucket: private, so a browser gets at a file by a link that ends by itself.
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { settings } from "./settings.js";

const { endpoint, bucket, id, secret } = settings.files;
const client = new S3Client({
  endpoint,
  region: "auto",
  forcePathStyle: true,
  credentials: { accessKeyId: id, secretAccessKey: secret },
  // Not every server that speaks S3 knows the newer checksums.
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
});

export async function put(name: string, body: Buffer | string): Promise<void> {
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: name, Body: body }));
}

export async function get(name: string): Promise<string> {
  const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: name }));
  return (await answer.Body?.transformToString()) ?? "";
}

export function link(name: string): Promise<string> {
  return getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: name }), { expiresIn: 300 });
}
