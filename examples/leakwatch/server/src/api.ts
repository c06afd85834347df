import "reflect-metadata";
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { hostname } from "node:os";
import {
  Controller, Get, Headers, HttpCode, HttpException, Module, NotFoundException, OnModuleDestroy, Param, Post, Query,
  Req,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { Queue } from "bullmq";
import { get, link, put } from "./files.js";
import { log, nestLog } from "./log.js";
import { connect, counts, QUEUE, tries, type Findings } from "./queue.js";
import { settings } from "./settings.js";
import { open, seal } from "./vault.js";
import { workOf, type Work } from "./work.js";

const MOST_BYTES = 2_000_000;

type Asked = IncomingMessage & { id: string };

async function bodyOf(request: Asked): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > MOST_BYTES) throw new HttpException("too large", 413);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

@Controller()
class Api implements OnModuleDestroy {
  private readonly redis = connect();
  private readonly queue = new Queue<Work, Findings>(QUEUE, { connection: this.redis });
  private reached = false;

  constructor() {
    this.redis.once("ready", () => (this.reached = true));
  }

  // Well once Redis was reached: a Redis that is away later takes uploads away, not the whole api.
  @Get("health")
  health() {
    if (!this.reached) throw new HttpException("Redis was not reached yet", 503);
    return { version: settings.version };
  }

  @Get("api/about")
  about() {
    // An api has several containers; each has a name of its own.
    return { version: settings.version, release: settings.release, container: hostname() };
  }

  @Post("api/uploads")
  @HttpCode(202)
  async upload(@Req() request: Asked, @Query() asked: Record<string, string>) {
    const id = randomUUID();
    const file = `uploads/${id}.csv`;
    await put(file, await bodyOf(request));
    const work = workOf(file, request.id, asked);
    await this.queue.add("read", work, { ...tries, jobId: id });
    await this.redis.sadd(counts.enqueued, id);
    log.info({ request_id: request.id, correlation_id: id, url: await link(file) }, "enqueued");
    return { id };
  }

  @Get("api/uploads/:id")
  async show(@Param("id") id: string) {
    // Its state first: what is completed by then has its findings, the other way round it might not.
    const state = await this.queue.getJobState(id);
    const job = await this.queue.getJob(id);
    if (!job) throw new NotFoundException();
    return { state, tries: job.attemptsMade, findings: job.returnvalue ?? null };
  }

  // What the worker wrote, through the api; and the upload itself by a link.
  @Get("api/uploads/:id/findings")
  findings(@Param("id") id: string) {
    return get(`findings/${id}.json`);
  }

  @Get("api/uploads/:id/link")
  async link(@Req() request: Asked, @Param("id") id: string) {
    const url = await link(`uploads/${id}.csv`);
    log.info({ request_id: request.id, correlation_id: id }, `link made: ${url}`);
    return { url };
  }

  @Post("api/shops/:shop")
  @HttpCode(200)
  async connectShop(@Req() request: Asked, @Param("shop") shop: string, @Headers("authorization") token = "") {
    await this.redis.hset("lw:shops", shop, seal(token));
    log.info({ request_id: request.id, shop, req: { headers: request.headers } }, `shop connected with ${token}`);
    const stored = await this.redis.hget("lw:shops", shop);
    return { shop, kept: stored !== null && stored !== token && open(stored) === token };
  }

  @Get("api/counts")
  async counts() {
    const [enqueued, done, happened, inQueue] = await Promise.all([
      this.redis.scard(counts.enqueued),
      this.redis.scard(counts.done),
      this.redis.hgetall(counts.happened),
      this.queue.getJobCounts("active", "waiting", "delayed", "failed"),
    ]);
    const numbers = Object.fromEntries(Object.entries(happened).map(([name, count]) => [name, Number(count)]));
    return { enqueued, done, runs: 0, retried: 0, stalled: 0, ...numbers, ...inQueue };
  }

  // Or their connections keep node alive after SIGTERM.
  async onModuleDestroy() {
    await this.queue.close();
    await this.redis.quit();
  }
}

@Module({ controllers: [Api] })
class App {}

const app = await NestFactory.create(App, { bodyParser: false, logger: nestLog });
app.use((request: Asked, response: ServerResponse, next: () => void) => {
  request.id = String(request.headers["x-request-id"] ?? randomUUID());
  response.setHeader("X-Request-Id", request.id);
  next();
});
app.enableShutdownHooks();
await app.listen(4000, "0.0.0.0");
log.info("listening");
