// SPDX-License-Identifier: GPL-2.0
/*
 * Driver for umtt's echo device
 *
 * It looks from inside the guest at what a device promises that lives in
 * simulated time: that no time passes while it is kicked, and that its
 * interrupts come at the very nanosecond at which they are due.
 *
 * Reading <debugfs>/umtt_echo/selftest runs the tests. Writing "N [DEPTH
 * [LATENCY]]" to <debugfs>/umtt_echo/bench runs N requests, DEPTH of them at a
 * time; reading it says what that took. Writing "DEPTH LATENCY" to
 * <debugfs>/umtt_echo/load lets DEPTH requests go round in each queue, until "0"
 * is written; reading it counts them. A second device has its files in
 * umtt_echo.1, and so on.
 */
#include <linux/debugfs.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/virtio_config.h>

#include "echo.h"

static DEFINE_IDA(echo_ids);

static void echo_interrupt(struct virtqueue *vq)
{
	struct echo_dev *e = vq->vdev->priv;
	struct echo_queue *q = &e->queues[vq->index];
	u64 cycles = echo_cycles();
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	q->interrupts++;
	if (q->gone)
		goto out;
	do {
		virtqueue_disable_cb(vq);
		echo_reap(q, cycles);
	} while (!virtqueue_enable_cb(vq));
out:
	spin_unlock_irqrestore(&q->lock, flags);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static int find_vqs(struct virtio_device *vdev, struct virtqueue *vqs[])
{
	struct virtqueue_info info[UMTT_ECHO_NR_QUEUES] = {
		{ .name = "req0", .callback = echo_interrupt },
		{ .name = "req1", .callback = echo_interrupt },
	};

	return virtio_find_vqs(vdev, UMTT_ECHO_NR_QUEUES, vqs, info, NULL);
}
#else
static int find_vqs(struct virtio_device *vdev, struct virtqueue *vqs[])
{
	static const char * const names[] = { "req0", "req1" };
	vq_callback_t *callbacks[] = { echo_interrupt, echo_interrupt };

	return virtio_find_vqs(vdev, UMTT_ECHO_NR_QUEUES, vqs, callbacks,
			       names, NULL);
}
#endif

static int check_config(struct echo_dev *e)
{
	u32 magic = 0, version = 0;

	if (!virtio_has_feature(e->vdev, VIRTIO_F_VERSION_1)) {
		dev_err(&e->vdev->dev, "the device lacks VERSION_1\n");
		return -ENODEV;
	}
	virtio_cread_le(e->vdev, struct umtt_echo_config, magic, &magic);
	virtio_cread_le(e->vdev, struct umtt_echo_config, version, &version);
	virtio_cread_le(e->vdev, struct umtt_echo_config, kick_latency_ns,
			&e->kick_latency);
	if (magic != UMTT_ECHO_MAGIC || version != UMTT_ECHO_VERSION) {
		dev_err(&e->vdev->dev,
			"not an echo device: magic %#x, version %u\n",
			magic, version);
		return -ENODEV;
	}
	return 0;
}

static void add_files(struct echo_dev *e)
{
	char name[24] = "umtt_echo";

	if (e->id)
		snprintf(name, sizeof(name), "umtt_echo.%d", e->id);
	e->dir = debugfs_create_dir(name, NULL);
	debugfs_create_file("selftest", 0400, e->dir, e, &echo_selftest_fops);
	debugfs_create_file("bench", 0600, e->dir, e, &echo_bench_fops);
	debugfs_create_file("load", 0600, e->dir, e, &echo_load_fops);
}

static int init_queues(struct echo_dev *e)
{
	struct virtqueue *vqs[UMTT_ECHO_NR_QUEUES];
	unsigned int i;
	int err;

	for (i = 0; i < UMTT_ECHO_NR_QUEUES; i++) {
		e->queues[i].dev = e;
		spin_lock_init(&e->queues[i].lock);
	}
	err = find_vqs(e->vdev, vqs);
	for (i = 0; !err && i < UMTT_ECHO_NR_QUEUES; i++)
		e->queues[i].vq = vqs[i];
	return err;
}

static int echo_probe(struct virtio_device *vdev)
{
	struct echo_dev *e;
	int err;

	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	vdev->priv = e;
	e->vdev = vdev;
	mutex_init(&e->lock);
	init_waitqueue_head(&e->wait);

	err = check_config(e);
	if (err)
		goto free;
	err = ida_alloc(&echo_ids, GFP_KERNEL);
	if (err < 0)
		goto free;
	e->id = err;
	err = init_queues(e);
	if (err)
		goto free_id;
	virtio_device_ready(vdev);
	add_files(e);
	return 0;

free_id:
	ida_free(&echo_ids, e->id);
free:
	kfree(e);
	return err;
}

/* From now on the queues are not touched by interrupts. */
static void leave_queues(struct echo_dev *e)
{
	struct echo_queue *q = e->queues;
	unsigned long flags;

	for (; q < e->queues + UMTT_ECHO_NR_QUEUES; q++) {
		spin_lock_irqsave(&q->lock, flags);
		q->gone = true;
		spin_unlock_irqrestore(&q->lock, flags);
	}
}

/* Nobody waits any more for what the device still has. */
static struct echo_req *detach_all(struct echo_dev *e)
{
	struct echo_req *r, *all = NULL;
	unsigned int i;

	for (i = 0; i < UMTT_ECHO_NR_QUEUES; i++) {
		while ((r = virtqueue_detach_unused_buf(e->queues[i].vq))) {
			r->next = all;
			all = r;
		}
	}
	return all;
}

/*
 * UML's transport stops a device only in del_vqs(): its buffers must be there
 * until then.
 */
static void echo_remove(struct virtio_device *vdev)
{
	struct echo_dev *e = vdev->priv;
	struct echo_req *r, *all;

	debugfs_remove(e->dir);
	leave_queues(e);
	virtio_reset_device(vdev);
	all = detach_all(e);
	vdev->config->del_vqs(vdev);
	while ((r = all)) {
		all = r->next;
		echo_free(r);
	}
	ida_free(&echo_ids, e->id);
	kfree(e);
}

static const struct virtio_device_id echo_id_table[] = {
	{ UMTT_ECHO_VIRTIO_ID, VIRTIO_DEV_ANY_ID },
	{ 0 },
};
MODULE_DEVICE_TABLE(virtio, echo_id_table);

static struct virtio_driver echo_driver = {
	.driver.name	= KBUILD_MODNAME,
	.driver.owner	= THIS_MODULE,
	.id_table	= echo_id_table,
	.probe		= echo_probe,
	.remove		= echo_remove,
};
module_virtio_driver(echo_driver);

MODULE_DESCRIPTION("umtt echo test device");
MODULE_LICENSE("GPL");
