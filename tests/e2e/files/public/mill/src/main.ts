import "reflect-metadata";
import { Body, Controller, Get, Module, OnModuleDestroy, Param, Post } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { Queue } from "bullmq";
import { connection, name, version } from "./connection";

@Controller()
class Mill implements OnModuleDestroy {
  private readonly queue = new Queue(name, { connection });

  @Get()
  home() {
    return { version, release: process.env.RELEASE_ID };
  }

  @Get("health")
  health() {
    return "ok";
  }

  @Post("jobs")
  async add(@Body() body: { number: number }) {
    return { id: (await this.queue.add("square", body)).id };
  }

  @Get("jobs/:id")
  async show(@Param("id") id: string) {
    return { answer: (await this.queue.getJob(id))?.returnvalue ?? null };
  }

  // Or its connection keeps node alive after SIGTERM.
  async onModuleDestroy() {
    await this.queue.close();
  }
}

@Module({ controllers: [Mill] })
class App {}

NestFactory.create(App).then((app) => {
  app.enableShutdownHooks();
  return app.listen(3000, "0.0.0.0");
});
